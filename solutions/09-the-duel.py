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
# # Lab 09 · The duel
#
# The team's plan is three Deployments, each pinned to a node, behind one Service. Against it stands
# one Deployment that is spread by the scheduler. Both have nine Pods, both get the same requests, and
# both live through the same week, at the same time: a release, maintenance, a node that dies, a bad
# release, and growth. Then you repair the team's plan, step by step. 60 minutes.

# %%
from nodebynode import Lab

lab = Lab("09")

# %% [markdown]
# ## Round 1 · Two plans, one cluster
#
# The first plan, as it was asked for: `pinned-w1`, `pinned-w2` and `pinned-w3`, three Pods each.
# A `nodeSelector` with the name of a node is the pin. The Service asks for two labels, `app` and
# `rotation`; the second is there so that a node's Pods can be taken out.

# %% language="bash" tags=["setup"]
# number=0
# for node in $(kubectl get nodes -o name | grep worker | cut -d/ -f2); do
# number=$((number + 1))
# kubectl apply -f - <<YAML
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: pinned-w$number
# spec:
#   replicas: 3
#   minReadySeconds: 1
#   strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 0}}
#   selector:
#     matchLabels: {app: pinned, pin: w$number}
#   template:
#     metadata:
#       labels: {app: pinned, pin: w$number, rotation: in}
#     spec:
#       nodeSelector: {kubernetes.io/hostname: $node}
#       terminationGracePeriodSeconds: 2
#       tolerations:
#         - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# done
# kubectl apply -f - <<YAML
# apiVersion: v1
# kind: Service
# metadata:
#   name: pinned
# spec:
#   type: NodePort
#   selector: {app: pinned, rotation: in}
#   ports: [{port: 80, targetPort: 8080}]
# YAML

# %% [markdown]
# The second plan: `spread`, nine Pods. It asks the scheduler to keep them even, but does not insist.
# Its Pods have the preStop hook that you know from lab 06. A budget lets a drain take three at a
# time: as many as a node takes from the other plan.

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: spread
# spec:
#   replicas: 9
#   minReadySeconds: 1
#   strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 0}}
#   selector:
#     matchLabels: {app: spread}
#   template:
#     metadata:
#       labels: {app: spread}
#     spec:
#       topologySpreadConstraints:
#         - maxSkew: 1
#           topologyKey: kubernetes.io/hostname
#           whenUnsatisfiable: ScheduleAnyway
#           labelSelector: {matchLabels: {app: spread}}
#           matchLabelKeys: [pod-template-hash]
#       terminationGracePeriodSeconds: 5
#       tolerations:
#         - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           lifecycle: {preStop: {sleep: {seconds: 3}}}
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# ---
# apiVersion: v1
# kind: Service
# metadata:
#   name: spread
# spec:
#   type: NodePort
#   selector: {app: spread}
#   ports: [{port: 80, targetPort: 8080}]
# ---
# apiVersion: policy/v1
# kind: PodDisruptionBudget
# metadata:
#   name: spread
# spec:
#   maxUnavailable: 3
#   selector:
#     matchLabels: {app: spread}
# YAML
# kubectl rollout status deployment/spread --timeout=90s
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done

# %%
lab.live()

# %% [markdown]
# On the map they look alike: three and three on each worker. `lab.duel` will measure them:
# `lab.duel.day(...)` begins a load on both Services, `lab.duel.end()` ends it and says how each plan
# fared.
#
# ## Round 2 · Monday: a new version
#
# The team wants to take one node's Deployment out of the Service's list, upgrade it, and put it back.
# There is no command for that. The list is an EndpointSlice, and a controller writes it. Could you
# write it yourself? The cell below cuts one endpoint out, and then watches the list for 2 s.
# **Guess** what it shows. (Run a cell with `...` to see what can be answered.)

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("cut", ...)
lab.predict("cut", "it stays as I wrote it")
### END SOLUTION

# %% language="bash" tags=["aside"]
# slice=$(kubectl get endpointslices -l kubernetes.io/service-name=pinned -o name)
# kubectl patch "$slice" --type=json -p '[{"op": "remove", "path": "/endpoints/0"}]'
# kubectl get "$slice" --watch --request-timeout=2s || true

# %% tags=["aside"]
lab.compare("cut")

# %% [markdown]
# What you can change is what the controller looks at: a label that the Service asks for. It must not
# be one that the ReplicaSet asks for, too, or that makes another Pod. So: `rotation`.
#
# **Guess:** node by node, how few of pinned's nine endpoints are ready at the least? And of spread's,
# which gets one command?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("by-hand", ...)
lab.predict("by-hand", 8)
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("by-rollout", ...)
lab.predict("by-rollout", 8)
### END SOLUTION

# %%
lab.duel.day("Monday")

# %% [markdown]
# spread first: one command, and it goes on by itself while you work.

# %% language="bash" tags=["aside"]
# kubectl set image deployment/spread shop=localhost/shop:v2

# %% [markdown]
# The first node of pinned, worked: out of the list, a breath, upgrade, wait. The breath is for the
# nodes: each hears of the list's change within a second or two, and nobody reports that all of them
# have. The new Pods come back in by themselves, because their template says `rotation: in`.

# %% language="bash"
# kubectl label pod -l app=pinned,pin=w1 rotation=out --overwrite
# sleep 2
# kubectl set image deployment/pinned-w1 shop=localhost/shop:v2
# kubectl rollout status deployment/pinned-w1 --timeout=60s

# %% [markdown]
# **Your turn.** The other two nodes in the same way, one after the other. No request may be lost.
# (A day may be lived again, from `lab.duel.day` to `lab.duel.end`. The last time counts. Where the
# image is right already, `kubectl rollout restart deployment/NAME` makes new Pods.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl label ...   (out, a breath, upgrade, wait: for w2, then for w3)
# kubectl label pod -l app=pinned,pin=w2 rotation=out --overwrite
# sleep 2
# kubectl set image deployment/pinned-w2 shop=localhost/shop:v2
# kubectl rollout status deployment/pinned-w2 --timeout=60s
# kubectl label pod -l app=pinned,pin=w3 rotation=out --overwrite
# sleep 2
# kubectl set image deployment/pinned-w3 shop=localhost/shop:v2
# kubectl rollout status deployment/pinned-w3 --timeout=60s
# ### END SOLUTION

# %% [markdown]
# And the other plan:

# %% language="bash" tags=["aside"]
# kubectl rollout status deployment/spread --timeout=90s

# %%
lab.wait_gone("spread")
lab.duel.end()

# %% tags=["check"]
lab.check("by-hand")

# %%
lab.compare("by-hand")

# %%
lab.compare("by-rollout")

# %% [markdown]
# So the team's idea works. First out of the list, then stop: that is what loses no request. The hook
# does the same for each single Pod, and nobody has to think of it. What it costs by hand stands in the
# table: a third of the strength for as long as you take, and commands for every node. (The last
# column counts those that change something and name the plan; a line in a loop counts once.)
# And it holds for *new* connections only: lab 04 showed a kept one that led to a Pod out of the list.
#
# ## Round 3 · Tuesday: somebody drains the nodes
#
# In a cloud it is often not you who drains a node. It may get a new image every week, and nobody
# looks at your labels before. The Pods are evicted as they are, with `rotation: in`. **Guess** three
# things.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("evicted", ...)
lab.predict("evicted", "their new Pods come up on other nodes")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("drained", ...)
lab.predict("drained", "neither")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("moved-back", ...)
lab.predict("moved-back", 3)
### END SOLUTION

# %%
lab.duel.day("Tuesday")

# %% language="bash"
# node=$(kubectl get nodes -o name | grep worker | sed -n 1p)
# kubectl drain "$node" --pod-selector='app in (pinned, spread)' --timeout=60s
# kubectl get deployments
# kubectl uncordon "$node"
# kubectl rollout status deployment/pinned-w1 --timeout=60s

# %% [markdown]
# The table between drain and uncordon is the maintenance: `pinned-w1` has 0 of 3. Ours took no time;
# a real one takes from minutes to hours.
#
# **Your turn.** The second worker and the third, one after the other, so that pinned never has fewer
# than six ready endpoints.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # for number in 2 3; do ... done   (drain, uncordon, wait)
# for number in 2 3; do
# node=$(kubectl get nodes -o name | grep worker | sed -n ${number}p)
# kubectl drain "$node" --pod-selector='app in (pinned, spread)' --timeout=60s
# kubectl uncordon "$node"
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done
# ### END SOLUTION

# %%
lab.wait_gone("spread")
lab.duel.end()

# %% tags=["check"]
lab.check("one-at-a-time")

# %%
lab.compare("evicted")

# %%
lab.compare("drained")

# %%
lab.compare("moved-back")

# %% [markdown]
# The forum's answer says that the app stays available all the time. For requests that hangs on the
# hook, which pinned lacks. From the pin comes the low line: as long as a node is closed, three Pods
# have nowhere to go.
#
# spread dips, too: an eviction comes first, the new Pod after it. But the line rises while the node is
# still closed.
#
# In one thing pinned is ahead: it is even, always. Nothing of spread has moved back to the worker that
# was drained last.
#
# ## Round 4 · Wednesday: a node dies
#
# Should a full node die now, spread would lose more than a third. After maintenance it can be made
# even again, by one command. Count them before and after.

# %% language="bash" tags=["aside"]
# kubectl get pods -l app=spread -o custom-columns=NODE:.spec.nodeName --no-headers | sort | uniq -c
# kubectl rollout restart deployment/spread
# kubectl rollout status deployment/spread --timeout=90s | tail -1

# %% tags=["aside"]
lab.wait_gone("spread")
print(lab.kubectl("get", "pods", "-l", "app=spread", "-o", "wide"))

# %% [markdown]
# Now the second worker dies. Nobody is told; the cluster has to notice. Yours does after some 10 s
# without a word. A plain one waits 50. **Guess** what that means for both plans.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("still-sent", ...)
lab.predict("still-sent", "for a second or two")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("whole-again", ...)
lab.predict("whole-again", "both of them")
### END SOLUTION

# %%
victim = lab.kubectl("get", "nodes", "-o", "name").split()[2]
lab.duel.day("Wednesday")
lab.freeze(victim)

# %% [markdown]
# The first command waits until the Deployment knows that Pods are missing, the second until they
# have been replaced. Our Pods tolerate a silent node for 2 s; without a word about it, it would be
# five minutes.

# %% language="bash"
# kubectl wait deployment/spread --for=condition=Available=False --timeout=60s
# kubectl wait deployment/spread --for=condition=Available=True --timeout=60s
# kubectl get deployments
# kubectl get pods -l app=pinned,pin=w2

# %% [markdown]
# **Your turn, alone.** The node is dead, and it may stay so until tomorrow. Bring pinned back to nine
# ready endpoints, without the dead node.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl scale deployment/pinned-w1 --replicas=6
# kubectl rollout status deployment/pinned-w1 --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("without-the-node")

# %% [markdown]
# Tomorrow has come: the node lives again, and you take back what you did.

# %%
lab.heal(victim)

# %% language="bash"
# kubectl scale deployment pinned-w1 pinned-w2 pinned-w3 --replicas=3
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done

# %%
lab.duel.end()

# %%
lab.compare("still-sent")

# %%
lab.compare("whole-again")

# %% [markdown]
# Both plans lost about the same. Until the cluster notices, a third of the requests goes to a machine
# that does not answer, whatever the plan; the list says nine all that time. After that both have six,
# at once, and that is worth something. Then spread heals, and pinned waits: for the node, or for you.
# (Six Pods on one worker and three on another do not share evenly: the first gets two thirds of the
# requests. A Service counts Pods, not nodes.)
#
# ## Round 5 · Thursday and Friday: a bad release, and growth
#
# Thursday's release cannot be pulled: version 9 does not exist. The team upgrades its first node;
# spread gets it in one go. **Guess** what that does to spread.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("bad", ...)
lab.predict("bad", 6)
### END SOLUTION

# %%
lab.duel.day("Thursday")

# %% language="bash"
# kubectl label pod -l app=pinned,pin=w1 rotation=out --overwrite
# kubectl set image deployment/pinned-w1 shop=localhost/shop:v9
# kubectl set image deployment/spread shop=localhost/shop:v9
# kubectl rollout status deployment/spread --timeout=3s || echo "it does not get on"
# kubectl get deployments

# %% [markdown]
# **Your turn.** Take both back, so that at the end each plan has nine ready endpoints again. Count
# the endpoints, not the Pods: `kubectl get endpointslices` shows some of them, `lab.duel.end()` the
# whole line.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl rollout undo ...   (both; and is everything in the list?)
# kubectl rollout undo deployment/spread
# kubectl rollout undo deployment/pinned-w1
# kubectl label pod -l app=pinned,pin=w1 rotation=in --overwrite
# kubectl rollout status deployment/spread --timeout=60s
# kubectl rollout status deployment/pinned-w1 --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("taken-back")

# %%
lab.duel.end()

# %%
lab.compare("bad")

# %% [markdown]
# A bad release that never becomes ready harms neither of them. But the rollback did not put the old
# Pods back into the list: it had not taken them out.
#
# On Friday more users come: both plans are to have twelve.
#
# **Your turn, alone.** Twelve ready endpoints each, and no node with more than four of pinned.

# %%
lab.duel.day("Friday")

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl scale deployment/spread --replicas=12
# kubectl scale deployment pinned-w1 pinned-w2 pinned-w3 --replicas=4
# kubectl rollout status deployment/spread --timeout=60s
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done
# ### END SOLUTION

# %% tags=["check"]
lab.check("grown")

# %%
lab.duel.end()

# %% [markdown]
# For twelve it was easy. How would you give pinned ten? An autoscaler scales one object, and pinned
# has three. And a fourth worker would stay empty until somebody writes `pinned-w4`.
#
# ## The week
#
# Both plans, the same load, the same week. The times are yours: with an hour of maintenance, pinned
# is an hour below nine.

# %%
lab.duel

# %% [markdown]
# ## Round 6 · Repair, first step: the hook
#
# The team wants to keep its three Deployments. What has to change at the least? We begin with what
# users felt. `spread` may go, and pinned is put in order.

# %% language="bash" tags=["setup"]
# kubectl delete deployment,service,pdb spread
# kubectl scale deployment pinned-w1 pinned-w2 pinned-w3 --replicas=3
# kubectl label pod -l app=pinned rotation=in --overwrite

# %% [markdown]
# **Your turn.** Give all three Deployments the hook: `preStop: {sleep: {seconds: 3}}` and a grace
# period of 5; and version 3, in the same text. The first is worked.

# %% language="bash" tags=["exercise", "setup"]
# hook='{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5, "containers": [
#   {"name": "shop", "image": "localhost/shop:v3", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}]}}}}'
# kubectl patch deployment pinned-w1 -p "$hook"
# ### BEGIN SOLUTION # kubectl patch ...   (w2 and w3, then wait for all of them)
# kubectl patch deployment pinned-w2 -p "$hook"
# kubectl patch deployment pinned-w3 -p "$hook"
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done
# ### END SOLUTION

# %% [markdown]
# Now a node is drained once more. They are pinned still. **Guess** how low the line goes.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("hooked", ...)
lab.predict("hooked", 9)
### END SOLUTION

# %%
lab.wait_gone("pinned")
lab.duel.day("hook", "pinned")

# %% language="bash"
# node=$(kubectl get nodes -o name | grep worker | sed -n 1p)
# kubectl drain "$node" --pod-selector=app=pinned --timeout=60s
# kubectl uncordon "$node"
# kubectl rollout status deployment/pinned-w1 --timeout=60s

# %%
lab.duel.end()

# %% tags=["check"]
lab.check("hooked")

# %%
lab.compare("hooked")

# %% [markdown]
# Nothing lost, and the line is as low as before. The hook mends the one, the pin makes the other.
#
# ## Round 7 · Two waits that never end
#
# A budget, says somebody. At most two of the nine may be missing; then no drain can take three.
# **Guess** what the drain does.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("budget", ...)
lab.predict("budget", "it takes two, and the third when new ones are ready")
### END SOLUTION

# %% language="bash"
# kubectl create poddisruptionbudget pinned --selector=app=pinned --max-unavailable=2
# node=$(kubectl get nodes -o name | grep worker | sed -n 1p)
# kubectl drain "$node" --pod-selector=app=pinned --timeout=4s || echo "the drain gave up"
# kubectl get poddisruptionbudget pinned
# kubectl get pods -l app=pinned,pin=w1 -o wide

# %%
lab.compare("budget")

# %% [markdown]
# The budget waits for Pods that wait for the node, and the node waits for the budget. On AKS, by its
# documentation, an upgrade stops here after half an hour. (A budget that lets three go would let the drain through,
# and leave six.) Open the node again.

# %% language="bash"
# kubectl uncordon "$(kubectl get nodes -o name | grep worker | sed -n 1p)"
# kubectl rollout status deployment/pinned-w1 --timeout=60s

# %% [markdown]
# The pin has a second wait of this kind, and it needs no drain. The first command below gives each
# Pod of `pinned-w1` a request of 28 % of its node's CPU: three fit, a fourth does not. The second
# brings another version. **Guess** what becomes of it.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("full", ...)
lab.predict("full", "the new Pods come up, and the old ones go")
### END SOLUTION

# %% language="bash"
# node=$(kubectl get nodes -o name | grep worker | sed -n 1p)
# cpu=$(kubectl get "$node" -o jsonpath='{.status.allocatable.cpu}')
# case $cpu in *m) milli=${cpu%m} ;; *) milli=$((cpu * 1000)) ;; esac
# kubectl set resources deployment/pinned-w1 --requests=cpu=$((milli * 28 / 100))m
# kubectl rollout status deployment/pinned-w1 --timeout=60s
# kubectl set image deployment/pinned-w1 shop=localhost/shop:v1
# kubectl rollout status deployment/pinned-w1 --timeout=3s || echo "it does not get on"
# kubectl get pods -l app=pinned,pin=w1

# %%
lab.compare("full")

# %% [markdown]
# Two workers are all but empty. A spread Deployment would have gone there. Take the request away
# again.

# %% language="bash"
# kubectl set resources deployment/pinned-w1 --requests=cpu=0
# kubectl rollout status deployment/pinned-w1 --timeout=60s

# %% [markdown]
# ## Round 8 · Second step: the pin

# %%
lab.duel.day("free", "pinned")

# %% [markdown]
# **Your turn.** Take the pin out of all three Deployments. A patch that sets a field to `null`
# removes it. When they are rolled out, drain the first worker again, and wait until all three
# Deployments are whole *before* you uncordon it.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl patch ...   (then drain; then wait; then uncordon)
# for number in 1 2 3; do
# kubectl patch deployment pinned-w$number -p '{"spec": {"template": {"spec": {"nodeSelector": null}}}}'
# done
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done
# node=$(kubectl get nodes -o name | grep worker | sed -n 1p)
# kubectl drain "$node" --pod-selector=app=pinned --timeout=60s
# for number in 1 2 3; do
# kubectl rollout status deployment/pinned-w$number --timeout=60s
# done
# kubectl uncordon "$node"
# ### END SOLUTION

# %%
lab.wait_gone("pinned")
lab.duel.end()

# %% tags=["check"]
lab.check("freed")

# %% [markdown]
# Nine ready endpoints while a node is closed, and the budget lets the drain through. What is left of
# the plan are three Deployments that do the same, in three texts that have to be kept alike.
#
# ## Round 9 · Third step: one Deployment
#
# **Your turn, alone.** Make one Deployment of the three, `pinned-w1` with nine replicas, while the
# load runs: no request lost, and at no time fewer than nine ready endpoints.

# %%
lab.duel.day("one", "pinned")

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl scale deployment/pinned-w1 --replicas=9
# kubectl rollout status deployment/pinned-w1 --timeout=60s
# kubectl delete deployment pinned-w2 pinned-w3
# ### END SOLUTION

# %%
lab.wait_gone("pinned")
lab.duel.end()

# %% tags=["check"]
lab.check("merged")

# %%
lab.duel

# %% [markdown]
# ## When a Pod per node is right
#
# - What belongs to the *node*: logs, metrics, the network. That is a **DaemonSet**: it follows the
#   nodes, and a drain leaves it alone.
# - Data on the node's own disk: a StatefulSet with local volumes. It waits for its node, and has to.
# - Spare strength that is there before a failure, so that nothing has to be scheduled in it. That is
#   what the nine Pods bought: six were left at once. It is done by *zone*, not by node.
#
# ## In your own words
#
# The team asks: "So is our plan an anti-pattern?" Answer in four sentences: what it gets right, what
# the pin costs, what the three Deployments cost, and what to do instead.
#
# <details><summary>One way to say it</summary>
#
# You are right to take a Pod out of the list before it stops; a preStop hook does that for every Pod,
# whoever stops it. The pin costs you a third of the strength whenever a node is closed or dead, until
# the node is back or somebody acts, and with a budget it blocks the drain. Three Deployments are three
# texts, three rollouts and three rollbacks that nothing keeps alike. One Deployment with the hook, a
# budget and a wish to be spread goes through the same week with less to do, and with nothing lost but
# what a dying node takes from any plan.
#
# </details>
#
# ## What it came to

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back.

# %%
lab.close()
