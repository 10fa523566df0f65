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
# # Lab 01 · What runs where
#
# A team plans its move to Kubernetes: *one Deployment on each node, three Pods each. For
# maintenance we take that node's Deployment away.* Before anybody says yes or no, one word in this
# plan must be looked at: **on**. Is a Deployment *on* a node?
#
# In this lab you find out what has a place in a cluster, and what has none.
# Every command runs on a real cluster, made for you to break. 30 to 40 minutes.
#
# Run the cells from top to bottom with **Shift+Enter**. Cells that say `your command here` or
# `...` are yours to fill in; the `lab.check` cell below tells what it sees.

# %%
from nodebynode import Lab

lab = Lab("01")

# %% [markdown]
# ## Round 1 · Ask for three Pods
#
# `shop` is a tiny web app. The text below *describes* what you want: three Pods of version 1.
# `kubectl apply` hands that description to the cluster. The second part, a **Service**, is the door
# through which users come; lab 04 is about it.

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 3
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
#           ports: [{containerPort: 8080}]
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
# Look at it. The boxes are the machines of your cluster, called **nodes**: one that manages (the
# control plane) and three that work. Below the picture the same is told in words.

# %%
lab.map()

# %% [markdown]
# ## Round 2 · Who has a node?
#
# There are three kinds of objects now: the **Deployment** that you wrote, a **ReplicaSet** that
# Kubernetes made from it, and three **Pods**.
#
# **Guess before you look.** Which of the three kinds has a node? Say it aloud, or write it down.
#
# Now ask each kind for the field that holds a node's name.

# %% language="bash"
# kubectl get deployment shop -o yaml | grep nodeName || echo "Deployment: no nodeName"
# kubectl get replicaset -l app=shop -o yaml | grep nodeName || echo "ReplicaSet: no nodeName"
# kubectl get pods -l app=shop -o yaml | grep nodeName || echo "Pods: no nodeName"

# %% [markdown]
# **Your turn.** Put `True` or `False` for each kind.

# %% tags=["exercise"]
### BEGIN SOLUTION has_a_node = {"Deployment": ..., "ReplicaSet": ..., "Pod": ...}
has_a_node = {"Deployment": False, "ReplicaSet": False, "Pod": True}
### END SOLUTION

# %% tags=["check"]
lab.check("who-has-a-node", has_a_node)

# %% [markdown]
# So a sentence like "the Deployment on node 2" has no meaning for Kubernetes. You can say "the
# Pods on node 2". The Deployment says *how many* and *of what*. It does not say *where*, unless you
# make it.
#
# ## Round 3 · A Deployment with nowhere to go
#
# Let us make it say where. `attic` asks for a node with the label `floor=attic`. No node has it.
#
# **Guess:** does the cluster refuse this Deployment? Does it exist? Does it have a Pod?
#
# In this course you say what you expect *before* you do a thing. The lab keeps it, and lays it
# beside what happened. A guess that misses costs nothing: it shows you where to look. Run the cell
# to see what can be answered, then put your answer in the place of the dots and run it again.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("attic", ...)
lab.predict("attic", "a Pod that runs")
### END SOLUTION

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: attic
# spec:
#   replicas: 1
#   selector:
#     matchLabels: {app: attic}
#   template:
#     metadata:
#       labels: {app: attic}
#     spec:
#       nodeSelector: {floor: attic}
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# kubectl wait deployment/attic --for=jsonpath='{.status.replicas}'=1 --timeout=20s
# kubectl get deployment attic
# kubectl get pods -l app=attic -o wide

# %%
lab.map()

# %% [markdown]
# The Deployment is there. Even its Pod is there, in the tray of Pods that have no node: it is
# `Pending`. A Pod is first an object in the API too; it *gets* a node, once, from the
# **scheduler**.
#
# Was it what you said?

# %%
lab.compare("attic")

# %% [markdown]
# This is the scheduler's reason for waiting:

# %% language="bash"
# kubectl get events --field-selector reason=FailedScheduling \
#   -o custom-columns=FROM:.reportingComponent,MESSAGE:.message

# %% [markdown]
# **Your turn.** Do not change the Deployment. Give one **worker** what the scheduler looks for.
# (`kubectl get nodes` shows their names; workers have "worker" in theirs.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl label ...   (give one worker the label floor=attic)
# worker=$(kubectl get nodes -o name | grep worker | tail -1)
# kubectl label "$worker" floor=attic
# ### END SOLUTION

# %% tags=["check"]
lab.check("attic-has-a-home")

# %%
lab.map()

# %% [markdown]
# You touched a node and nothing else, and within moments a Pod had a home. Nobody "moved a
# Deployment". Who decided, and for which Pod, is written in the events:

# %% language="bash"
# kubectl get events --field-selector reason=Scheduled \
#   -o custom-columns=FROM:.reportingComponent,MESSAGE:.message

# %% [markdown]
# ## Round 4 · Where the Deployment is
#
# If it is on no node, where is it? It is a record. The **API server** keeps it, under a path, in a
# database named **etcd**. `kubectl` only reads and writes such records. Here is the Deployment's
# path, and a few fields of what is kept there:

# %% language="bash"
# kubectl get --raw /apis/apps/v1/namespaces/lab-01/deployments/shop | python3 -c '
# import json, sys
# record = json.load(sys.stdin)
# print(record["kind"], record["metadata"]["name"])
# print("  replicas       ", record["spec"]["replicas"])
# print("  generation     ", record["metadata"]["generation"])
# print("  resourceVersion", record["metadata"]["resourceVersion"])'

# %% [markdown]
# `generation` counts the changes of your description. `resourceVersion` changes with every write
# to the record, whoever writes.
#
# **Your turn.** Find the path of one of shop's **Pods**. Pods are older than Deployments; their
# part of the API begins with `/api/v1` instead of `/apis/apps/v1`.

# %% tags=["exercise"]
print(lab.kubectl("get", "pods", "-l", "app=shop", "-o", "name"))
### BEGIN SOLUTION path_of_a_pod = ...   # a text that begins with "/api/v1/"
a_pod = lab.kubectl("get", "pods", "-l", "app=shop", "-o", "jsonpath={.items[0].metadata.name}")
path_of_a_pod = f"/api/v1/namespaces/lab-01/pods/{a_pod}"
### END SOLUTION

# %% tags=["check"]
lab.check("path-of-a-pod", path_of_a_pod)

# %% [markdown]
# ## Round 5 · Write to the record, and watch nothing move
#
# First let the lab remember what is there now. We compare with it from here to the end.

# %% tags=["setup"]
lab.remember("shop")

# %% [markdown]
# **Guess:** if you write a label `team` on the *Deployment*, how many Pods are restarted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("label", ...)
lab.predict("label", 3)
### END SOLUTION

# %% [markdown]
# **Your turn.** Give the Deployment `shop` a label `team`, with any value.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl label deployment shop team=web
# ### END SOLUTION

# %% tags=["check"]
lab.check("written-not-rolled")

# %% [markdown]
# A write to a record is just that. The controllers read it, find that the three Pods still match
# what you describe, and leave them alone.
#
# ## Round 6 · Take one Pod away
#
# **Guess:** you delete one Pod. Does *it* come back? With the same name? And in which order will
# you see what happens?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("deleted", ...)
lab.predict("deleted", "another comes")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("order", ...)
lab.predict("order", "gone, made, bound, ready")
### END SOLUTION

# %% [markdown]
# This time, watch. `lab.live()` is the map while it changes. Run the cell, and keep it in sight.

# %%
lab.live()

# %% [markdown]
# **Your turn.** Delete exactly one Pod of `shop`.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# one=$(kubectl get pods -l app=shop -o name | head -1)
# kubectl delete "$one"
# ### END SOLUTION

# %% tags=["check"]
lab.check("one-replaced")

# %%
lab.map()

# %% [markdown]
# The Pod did not come back. *Another* one came: a new name, a new UID, on whatever node the
# scheduler liked. The number three was kept. The Pod was not.
#
# It was quick. In the live map above, press *Step back* until the Pod that you deleted is there
# again, then step on: see in which order things happened. *Live* brings you back to the present.
#
# Now lay your guesses beside what happened.

# %%
lab.compare()

# %% [markdown]
# Where one of them parted from what happened, `lab.replay("order")` and the like show that instant.
#
# ## Round 7 · Clear a worker without touching the Deployment
#
# The team wants to take a node out of use. Their plan removes a Deployment for that. You do it
# with what you know now.
#
# **Your turn, alone.** Choose a worker on which a Pod of `shop` runs. See to it that no Pod of
# `shop` runs there any more and none can land there, while three are ready elsewhere. At no time may
# users find nobody. Leave the Deployment alone. `kubectl cordon NODE` tells the scheduler: no new
# Pods here.
#
# First the lab remembers once more where the Pods are, and sends 50 requests a second through the
# Service, as users would.

# %%
lab.remember("shop")
lab.load(seconds=600)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# node=$(kubectl get pods -l app=shop -o jsonpath='{.items[0].spec.nodeName}')
# kubectl cordon "$node"
# kubectl delete pod -l app=shop --field-selector spec.nodeName="$node"
# ### END SOLUTION

# %% tags=["check"]
lab.check("worker-is-empty")

# %% [markdown]
# The check did not only look at the end. It looked at all that was recorded since the cordon. And
# the users?

# %%
lab.losses()

# %% [markdown]
# If some requests were lost, the report says when and why. A Pod that is deleted stops at once, and
# the nodes hear of it a moment later. Lab 06 shows how to lose none.

# %%
lab.map()

# %% [markdown]
# That was node maintenance by hand: a machine is free, three Pods serve, and the Deployment was
# never "taken away" from anywhere. Lab 05 shows the tool for it (`kubectl drain`) and its traps.
#
# Everything was recorded. Play it once more; what you did is marked below the picture.

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# Tell the team in two sentences why "remove the Deployment from node 2" is not a thing.
#
# <details><summary>One way to say it</summary>
#
# A Deployment is a record in the API that says how many Pods of what kind should exist; it is on
# no node. Only Pods are on nodes, so a node is freed by making its Pods leave, and the Deployment
# sees to it that others appear elsewhere.
#
# </details>
#
# ## What it came to
#
# Your guesses and what came, the checks, what to remember, and what is next. `lab.progress()` shows
# how you stand at any time.

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back: your namespace, the label and the cordon go.

# %%
lab.close()
