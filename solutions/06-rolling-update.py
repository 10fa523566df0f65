# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 06 · A rolling update
#
# The team wants to upgrade *one node at a time*, by hand, so that users notice nothing. A
# Deployment has its own way: one **Pod** at a time, by readiness. In this lab you foretell it,
# record it, step through it, and count what users lost. 45 minutes.

# %%
from nodebynode import Lab

lab = Lab("06")

# %% [markdown]
# ## Round 1 · Two ReplicaSets trade sizes
#
# Three Pods of version 1, and a Service.

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 3
#   minReadySeconds: 1
#   selector:
#     matchLabels: {app: shop}
#   template:
#     metadata:
#       labels: {app: shop}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# ---
# apiVersion: v1
# kind: Service
# metadata:
#   name: shop
# spec:
#   type: NodePort
#   selector: {app: shop}
#   ports: [{port: 80, targetPort: 8080}]
# YAML
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# You will ask for version 2. The Deployment then makes a second ReplicaSet, and Kubernetes resizes
# the two until the old one has none. We write the sizes as **old/new**: it begins at 3/0 and ends
# at 0/3.
#
# **Guess** what comes first, and then all steps in between. (Run a cell with `...` to see what can
# be answered.)

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("first", ...)
lab.predict("first", "an old Pod is stopped")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("path", ...)
lab.predict("path", "2/1, 1/2, 3/1, 2/2, 1/3, 0/3")
### END SOLUTION

# %% [markdown]
# Keep this picture in sight while the next cell runs.

# %%
lab.live()

# %% language="bash"
# kubectl set image deployment/shop shop=localhost/shop:v2
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# In a few seconds it was over. In the picture, *Step back* goes to any instant. As a table:

# %%
lab.steps("shop")

# %%
lab.compare()

# %% [markdown]
# **Your turn.** Read two numbers from the table: how many Pods both ReplicaSets wanted at the most,
# and how many were available at the least.

# %% tags=["exercise"]
### BEGIN SOLUTION bounds = {"most wanted": ..., "fewest available": ...}
bounds = {"most wanted": 4, "fewest available": 3}
### END SOLUTION

# %% tags=["check"]
lab.check("two-bounds", bounds)

# %% [markdown]
# Nobody set these numbers. A Deployment that says nothing has `maxSurge: 25%` and
# `maxUnavailable: 25%`. A quarter of three is 0.75. Surge is rounded **up**, to 1; unavailable is
# rounded **down**, to 0. So: never more than four wanted, never fewer than three available.
#
# ## Round 2 · Up and down
#
# With other numbers the same rules go another way. Move the sliders: what do 4 replicas do, what
# do 10?

# %%
from nodebynode.course.calculator import calculator

calculator(startup=1, min_ready=1)

# %% [markdown]
# **Guess:** with four replicas and 25 %, how few are available at the least?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("four", ...)
lab.predict("four", 4)
### END SOLUTION

# %% [markdown]
# **Your turn.** The first line makes four of them, and waits. Then roll out version 3
# (`localhost/shop:v3`), and wait for it in the same way.

# %% language="bash" tags=["exercise"]
# kubectl scale deployment shop --replicas=4
# kubectl rollout status deployment/shop --timeout=60s
# ### BEGIN SOLUTION # kubectl set image ...   (then wait for it)
# kubectl set image deployment/shop shop=localhost/shop:v3
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("rolled-four")

# %%
lab.compare("four")

# %% [markdown]
# A quarter of four is one, whichever way you round. One may be missing now, so 3 are enough: the
# first old Pod goes *before* the new one is ready. Back to three:

# %% language="bash"
# kubectl scale deployment shop --replicas=3
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# ## Round 3 · Running, ready, available
#
# What lets the rollout take its next step? Not that the new Pod runs. Not even that it is ready. It
# must be **available**: ready for `minReadySeconds`. So far that was 1, in the text that you applied.
# Who says nothing has 0.
#
# Now we say 300. That is not in the Pod's template, so it starts no rollout by itself.
#
# **Guess:** with five minutes to wait for, how far does a rollout go in the first seconds?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("gate", ...)
lab.predict("gate", "all of them are replaced")
### END SOLUTION

# %% [markdown]
# **Your turn.** Set `minReadySeconds` to 300, then roll out version 2 again. Do not wait for the
# rollout: it will not end.
#
# `kubectl patch deployment shop -p '{"spec": {...}}'` changes a field.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 300}}'
# kubectl set image deployment/shop shop=localhost/shop:v2
# ### END SOLUTION

# %% tags=["check"]
lab.check("held-at-the-gate")

# %%
lab.map()

# %% [markdown]
# The new Pod is ready, and the Service sends it requests. The Deployment waits all the same. This
# is how a bad release that dies after a minute can be stopped at its first Pod.
#
# Which one goes next? The forum's answer says that an old Pod is removed *randomly*. It is not. Of
# the old Pods, all of them ready, that one goes first which shares its **node** with most Pods of
# this Deployment, old and new. (Pods that are not ready go before that. Of equals, the one goes
# that has been ready for a shorter time.)
#
# **Guess:** look at the map above. Which old Pod goes next? Give its name.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("victim", ...)
oldest = lab.kubectl("get", "pods", "--sort-by", ".metadata.creationTimestamp", "-o", "name").split()[0]
lab.predict("victim", oldest)
### END SOLUTION

# %% [markdown]
# **Your turn.** Open the gate: set `minReadySeconds` back to 1, and wait for the rollout.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 1}}'
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("gate-opened")

# %%
lab.compare("victim")

# %% [markdown]
# So three Pods on three nodes are replaced by three Pods on three nodes, without luck: where the
# new one lands, the old one leaves.
#
# ## Round 4 · No room for a fourth
#
# Sometimes there is no room for one Pod more. Then the rollout has to take one away first.
#
# **Guess:** with `maxSurge: 0` and `maxUnavailable: 1`, how few of three are ready at the least?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("least", ...)
lab.predict("least", 3)
### END SOLUTION

# %% [markdown]
# **Your turn.** Both fields are in `spec.strategy.rollingUpdate`. Set them, and roll out version 1.
# At no time more than three Pods, at no time fewer than two ready.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment shop -p '{"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}'
# kubectl set image deployment/shop shop=localhost/shop:v1
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("no-fourth")

# %%
lab.compare("least")

# %% [markdown]
# The check did not look at the end. It held the whole recording against two **rules**. You can do
# that, too:

# %%
from nodebynode.recording.rules import always, last, ready, rollout_begins, rollout_ends

lab.judge(always(ready("shop") >= 3, after=last(rollout_begins("shop")), before=rollout_ends("shop")))

# %% [markdown]
# It is broken, as it must be: this time you allowed two. It says when, and which Pods were left.
#
# ## Round 5 · Ask the users
#
# There is another strategy: **Recreate** stops all old Pods, waits until they are gone, then starts
# the new ones. Some take it for a slower rolling update.
#
# **Guess:** for how long is no Pod ready?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("recreate", ...)
lab.predict("recreate", "at no time")
### END SOLUTION

# %% [markdown]
# Now we measure. `lab.load()` sends 50 requests a second to the Service, from a process of its own.

# %%
lab.load(seconds=100)

# %% language="bash"
# kubectl patch deployment shop -p '{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}'
# kubectl set image deployment/shop shop=localhost/shop:v2
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# `lab.losses()` ends the load, joins each lost request with the recording, and says why it was
# lost.

# %%
lab.losses()

# %%
lab.compare("recreate")

# %% [markdown]
# The end is the same as in round 1: three Pods of version 2, all ready. Who looks at the end only
# sees no difference.
#
# ## Round 6 · A release that nobody notices
#
# A rolling update alone still loses some: a Pod is told to stop, and in the same moment the nodes
# are told to send it nothing more. Some requests come too late. A **preStop** hook that sleeps lets
# the old Pod go on serving meanwhile:
#
#     lifecycle: {preStop: {sleep: {seconds: 5}}}
#
# The sleep counts in the grace period, so `terminationGracePeriodSeconds` must be longer: 8.
#
# One more thing. A Pod stops in the way of its *own* template. Those that run now have no hook.
#
# **Guess:** such old Pods linger. Of three replicas with `maxSurge: 1`, how many Pods are there at
# the most, those that are leaving counted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("extra", ...)
lab.predict("extra", 4)
### END SOLUTION

# %%
lab.load(seconds=180)

# %% [markdown]
# **Your turn, alone.** The load runs. Give the Deployment the strategy `RollingUpdate` again, with
# `maxSurge: 1` and `maxUnavailable: 0`, and Pods that have the hook and the grace period. When all
# have them, release version 3. During that last rollout no request may be lost.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment shop -p '
# spec:
#   strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
#   template:
#     spec:
#       terminationGracePeriodSeconds: 8
#       containers:
#         - name: shop
#           lifecycle: {preStop: {sleep: {seconds: 5}}}'
# kubectl rollout status deployment/shop --timeout=60s
# kubectl set image deployment/shop shop=localhost/shop:v3
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% [markdown]
# Wait until the last old Pod is gone, then end the load:

# %%
lab.wait_gone("shop")
lab.losses()

# %% tags=["check"]
lab.check("nobody-noticed")

# %%
lab.compare("extra")

# %% [markdown]
# `rollout status` says *successfully rolled out* while old Pods are still there: they were told to
# stop, so the Deployment counts them no longer. Your nodes, and your users, do.
#
# Everything was recorded. Play it once more.

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# The team asks: "Why not take one node out, upgrade it, and put it back?" Answer in three
# sentences.
#
# <details><summary>One way to say it</summary>
#
# A Deployment replaces Pods one by one, and takes an old one away only when a new one is available;
# maxSurge and maxUnavailable are the promise, and they hold whatever node a Pod is on. Taking a
# node out leaves you with fewer Pods for as long as you work on it, and nothing but you decides
# when the next one may go. What loses requests is not the order of nodes but how a single Pod stops,
# and that is written in its template.
#
# </details>
#
# ## What it came to
#
# Your guesses and what came, what users felt, what to remember, and what is next.

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back.

# %%
lab.close()
